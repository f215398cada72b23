"""The words: money, time, labels, machines, prices, claims. Standard library only; sees no other room."""
