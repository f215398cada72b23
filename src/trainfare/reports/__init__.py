"""Answers: unit costs, showback, reconciliation, export, charts."""
