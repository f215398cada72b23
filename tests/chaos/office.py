"""The office: imports bills, restates them, allocates, and has the books proved all the while."""

import threading
import time
from datetime import UTC, datetime

from chaos.bill import write_bill
from chaos.plant import PATIENCE

REFUSED = (400, 401, 403, 404, 409)
"""Answers that no fault excuses."""


class Office:
    """Works in a thread of its own until it is told to finish."""

    def __init__(self, plant, chance, glance):
        self.plant, self.chance, self.glance = plant, chance, glance
        self.now = datetime.now(UTC)
        self.current = None
        """The text of the bill that was taken last …"""
        self.taken = 0
        """… of so many."""
        self.complaints = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def start(self):
        self._thread.start()

    def stop(self):
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def finish(self):
        """A last bill, allocated, once everything is well."""
        self.stop()
        until = time.monotonic() + PATIENCE
        self._deliver(lambda: time.monotonic() > until)
        self.plant.insist("/allocate", method="POST")

    def _work(self):
        while not self._is_over.wait(self.chance.uniform(1, 4)):
            self._deliver(self._is_over.is_set)
            for path, method in (("/allocate", "POST"), ("/verify", "GET")):
                status, document = self._try(path, method)
                is_wrong = status == 200 and not document.get("conserved", True)
                if status == 409 or is_wrong:
                    self.complaints.append(f"{path}: {status} {document}")
            self.complaints += self.glance(self._try, self.chance)

    def _deliver(self, is_enough):
        """Send a bill that differs from the last one, until it is taken or that *is_enough*."""
        resources = [one.resource for one in self.plant.machines]
        text = write_bill(self.chance, resources, self.now)
        while not is_enough():
            status, answer = self._try("/bills?name=bill.csv&source=chaos", "POST", text.encode())
            if status == 201:
                self.current, self.taken = text, self.taken + 1
                return
            if status in REFUSED:
                self.complaints.append(f"a bill is refused: {status} {answer}")
            time.sleep(0.3)

    def _try(self, path, method, body=None):
        try:
            return self.plant.ask(path, method=method, body=body)
        except (OSError, ValueError) as error:
            return None, str(error)
