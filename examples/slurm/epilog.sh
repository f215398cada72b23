#!/bin/sh
# slurm.conf: Epilog=/etc/slurm/trainfare/epilog.sh
# Runs on every node of a job that has ended: closes the records of what its end killed, for only
# the node itself can see that a process of its is gone. A node with an agent does not need it.
site=${TRAINFARE_SITE:-/etc/trainfare/site.env}
[ -r "$site" ] && . "$site"
command="TRAINFARE_HOME='$TRAINFARE_HOME' timeout 20 ${TRAINFARE:-trainfare} runs --format json"
if [ "$(id -un)" = "$SLURM_JOB_USER" ]; then
  sh -c "$command" >/dev/null 2>&1
else
  su -s /bin/sh "$SLURM_JOB_USER" -c "$command" >/dev/null 2>&1
fi
exit 0 # Slurm drains a node whose epilog fails
