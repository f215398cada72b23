"""Budgets, forecasts, anomalies, alerts and actions."""
