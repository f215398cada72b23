/* A libnvidia-ml.so.1 without a GPU: as many as FAKE_NVML_GPUS says, each a little different.

   Environment, read by nvmlInit_v2:
     FAKE_NVML_GPUS=8             how many GPUs there are
     FAKE_NVML_INIT=9             nvmlInit_v2 fails with this code
     FAKE_NVML_MIG=2              GPU 2 is cut into 3g, 2g and 1g instances, at places 0, 1 and 3
     FAKE_NVML_UNCUT=1            the GPU in MIG mode has no instances yet
     FAKE_NVML_LOST=3:5           GPU 3 is lost after five more questions
     FAKE_NVML_BROKEN=1           GPU 1 cannot even be opened
     FAKE_NVML_PROCESSES=gpu:pid:MiB:sm,…   who computes; MiB -1: the driver does not say
     FAKE_NVML_SPIN=2000          every question burns so many rounds of CPU
     FAKE_NVML_GPM=1              1: GPM works; 0: the GPU has none (the default); 4: no permission
   Compiled in:
     -DNO_ENERGY   the energy counter answers "not supported"
     -DNO_SAMPLES  activity by process answers "not supported"
     -DOLD_DRIVER  symbols that came after driver 450 are missing
     -DNO_GPM      the driver has no GPM at all
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
enum { MOST = 16, INSTANCES = 4 };

typedef struct { int gpu; int instance; } Device; /* instance -1: the whole GPU */
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned pid; unsigned long long memory; unsigned gi, ci; } Process;
typedef struct { unsigned pid; unsigned long long at; unsigned sm, memory, enc, dec; } Sample;
typedef struct { unsigned counts[6], gi_slices, ci_slices; unsigned long long memory_mib; } Attributes;

static Device gpus[MOST], instances[MOST][INSTANCES];
static int count, mig, uncut, lost_gpu, lost_after, broken, spin, opened;
static unsigned long long energy_reads[MOST];
static volatile unsigned long long sink;

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text && *text ? atoi(text) : otherwise;
}

static int ask(Device *device) {
  for (int i = 0; i < spin; i++) sink += i;
  if (device->gpu == lost_gpu && lost_after-- <= 0) return LOST;
  return OK;
}

int nvmlInit_v2(void) {
  int code = number("FAKE_NVML_INIT", 0);
  if (code) return code;
  count = number("FAKE_NVML_GPUS", 8);
  mig = number("FAKE_NVML_MIG", -1);
  uncut = number("FAKE_NVML_UNCUT", 0);
  broken = number("FAKE_NVML_BROKEN", -1);
  spin = number("FAKE_NVML_SPIN", 0);
  lost_gpu = -1;
  if (getenv("FAKE_NVML_LOST")) sscanf(getenv("FAKE_NVML_LOST"), "%d:%d", &lost_gpu, &lost_after);
  for (int i = 0; i < MOST; i++) {
    gpus[i] = (Device){i, -1};
    for (int j = 0; j < INSTANCES; j++) instances[i][j] = (Device){i, j};
    energy_reads[i] = 0;
  }
  opened++;
  return OK;
}
int nvmlInitWithFlags(unsigned flags) { return flags ? INVALID : nvmlInit_v2(); }
int nvmlShutdown(void) { return opened-- > 0 ? OK : 1; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  snprintf(text, length, "550.54.15");
  return OK;
}
int nvmlDeviceGetCount_v2(unsigned *found) { *found = count; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
  if ((int)index == broken) return LOST;
  if ((int)index >= count) return INVALID;
  *device = &gpus[index];
  return OK;
}
int nvmlDeviceGetUUID(Device *device, char *text, unsigned length) {
  if (device->instance < 0)
    snprintf(text, length, "GPU-%08x-0000-4000-8000-00000000000%d", 0xabc00000 + device->gpu, device->gpu);
  else
    snprintf(text, length, "MIG-%08x-0000-4000-8000-0000000000%d%d", 0xdef00000 + device->instance, device->gpu, device->instance);
  return OK;
}
int nvmlDeviceGetName(Device *device, char *text, unsigned length) {
  snprintf(text, length, "NVIDIA H100 80GB HBM3");
  return device ? OK : INVALID;
}
int nvmlDeviceGetUtilizationRates(Device *device, Utilization *found) {
  if (device->instance >= 0 || device->gpu == mig) return NOT_SUPPORTED;
  int code = ask(device);
  *found = (Utilization){10u * device->gpu + 5, 1};
  return code;
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *found) {
  int code = ask(device);
  unsigned long long gib = 1ull << 30, total = device->instance < 0 ? 80 : 20;
  *found = (Memory){total * gib, (total - device->gpu - 1) * gib, (device->gpu + 1) * gib};
  return code;
}
int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) {
  if (device->instance >= 0) return NOT_SUPPORTED;
  int code = ask(device);
  *milliwatts = 300000 + 1000 * device->gpu;
  return code;
}
#ifndef OLD_DRIVER
int nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *millijoules) {
#ifdef NO_ENERGY
  return NOT_SUPPORTED;
#else
  if (device->instance >= 0) return NOT_SUPPORTED;
  int code = ask(device);
  *millijoules = 77000000ull + 400000ull * ++energy_reads[device->gpu];
  return code;
#endif
}
int energyReads(int gpu) { return (int)energy_reads[gpu]; }
int nvmlDeviceGetMigMode(Device *device, unsigned *now, unsigned *pending) {
  *now = *pending = device->gpu == mig;
  return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *found) {
  *found = device->gpu == mig ? 7 : 0;
  return OK;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **found) {
  if (uncut || index >= INSTANCES || index == 2) return NOT_FOUND;
  *found = &instances[device->gpu][index];
  return OK;
}
int nvmlDeviceGetAttributes_v2(Device *device, Attributes *found) {
  static const unsigned slices[INSTANCES] = {3, 2, 0, 1};
  if (device->instance < 0) return NOT_SUPPORTED;
  memset(found, 0, sizeof *found);
  found->gi_slices = found->ci_slices = slices[device->instance];
  found->memory_mib = slices[device->instance] == 3 ? 40448 : 9856;
  return OK;
}
#endif

#if !defined OLD_DRIVER && !defined NO_GPM
/* A GPM sample is a count of questions; between two of them GPU n is n % busier than GPU 0. */
typedef struct { int gpu; unsigned long long at; } GpmSample;
typedef struct { unsigned id, code; double value; char *words[3]; } GpmMetric;
typedef struct { unsigned version, count; GpmSample *before, *now; GpmMetric metrics[477]; } GpmGet;
typedef struct { unsigned version, is_supported; } GpmSupport;
static unsigned long long gpm_now;
static int gpm_samples;

int nvmlGpmQueryDeviceSupport(Device *device, GpmSupport *found) {
  if (found->version != 1) return 25;
  found->is_supported = device->gpu != mig && number("FAKE_NVML_GPM", 0) != 0;
  return ask(device);
}
int nvmlGpmSampleAlloc(GpmSample **found) {
  gpm_samples++;
  *found = calloc(1, sizeof **found);
  return OK;
}
int nvmlGpmSampleFree(GpmSample *sample) { gpm_samples--; free(sample); return OK; }
int gpmSamplesLeft(void) { return gpm_samples; }
int nvmlGpmSampleGet(Device *device, GpmSample *sample) {
  if (number("FAKE_NVML_GPM", 0) == 4) return 4;
  *sample = (GpmSample){device->gpu, ++gpm_now};
  return ask(device);
}
int nvmlGpmMetricsGet(GpmGet *get) {
  if (get->version != 1 || get->now->at <= get->before->at) return INVALID;
  memset(get->metrics + get->count, 0, sizeof get->metrics - get->count * sizeof *get->metrics);
  for (unsigned i = 0; i < get->count; i++) {
    GpmMetric *one = &get->metrics[i];
    double value = one->id == 2 ? 80.5 : one->id == 3 ? 40.25 : one->id == 5 ? 30.0 : 200.0;
    one->code = OK;
    one->value = value + get->now->gpu;
  }
  return OK;
}
#endif

static unsigned long long sampled_at;
int sampleReads(void) { return (int)(sampled_at / 1000); }
static unsigned processes(Device *device, Process *found, Sample *samples, unsigned room) {
  const char *text = getenv("FAKE_NVML_PROCESSES");
  unsigned seen = 0;
  int gpu, pid, sm;
  long long mib;
  while (text && sscanf(text, "%d:%d:%lld:%d", &gpu, &pid, &mib, &sm) == 4) {
    if (gpu == device->gpu && (!samples || sm)) {
      if (seen < room && found)
        found[seen] = (Process){pid, mib < 0 ? ~0ull : (unsigned long long)mib << 20, 0, 0};
      if (seen < room && samples) samples[seen] = (Sample){pid, sampled_at, sm, 1, 0, 0};
      seen++;
    }
    text = strchr(text, ',');
    if (text) text++;
  }
  return seen;
}
static int running(Device *device, unsigned *size, Process *found) {
  int code = ask(device);
  unsigned room = *size;
  *size = processes(device, found, 0, room);
  return code ? code : *size > room ? TOO_SMALL : OK;
}
#ifndef OLD_DRIVER
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *size, Process *found) {
  return running(device, size, found);
}
int nvmlDeviceGetProcessUtilization(Device *device, Sample *found, unsigned *size, unsigned long long since) {
#ifdef NO_SAMPLES
  return NOT_SUPPORTED;
#else
  if (device->gpu == mig) return NOT_SUPPORTED;
  int code = ask(device);
  unsigned room = *size;
  sampled_at += 1000; /* a new sample at every question */
  *size = since < sampled_at ? processes(device, 0, found, room) : 0;
  return code ? code : *size == 0 ? NOT_FOUND : *size > room ? TOO_SMALL : OK;
#endif
}
#else
int nvmlDeviceGetComputeRunningProcesses_v2(Device *device, unsigned *size, Process *found) {
  return running(device, size, found);
}
#endif
