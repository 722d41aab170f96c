"""Long work in processes of their own, with state that survives everything."""
