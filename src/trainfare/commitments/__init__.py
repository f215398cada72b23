"""Commitments: what a company bought ahead or may buy, how it is applied, and what to buy."""
