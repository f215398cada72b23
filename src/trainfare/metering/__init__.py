"""Live, inside or beside the training process: sampler, GPU, host, machine, meter, spool, receipt."""
