"""Drug screens: files in, drug signatures, representations side by side, and the search for profiles like a signature."""
