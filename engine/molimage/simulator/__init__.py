"""A simulator of five-channel cell painting: rules that turn a molecule and a dose into cells, with exact masks and truths."""
