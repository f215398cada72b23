"""Price book: the shipped catalogue, the user's overrides, refresh from the providers, guards."""
