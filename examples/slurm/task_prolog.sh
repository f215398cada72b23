#!/bin/sh
# slurm.conf: TaskProlog=/etc/slurm/trainfare/task_prolog.sh
# Gives every task the site's words for Trainfare; what the user has set stands.
site=${TRAINFARE_SITE:-/etc/trainfare/site.env}
[ -r "$site" ] || exit 0
while IFS= read -r line; do
  name=${line%%=*}
  case $name in
  TRAINFARE_[A-Z_]*)
    eval "stated=\${$name+yes}"
    # Slurm sets what a TaskProlog prints in this form.
    [ -n "$stated" ] || echo "export $line"
    ;;
  esac
done <"$site"
exit 0
