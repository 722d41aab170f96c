"""The pages; one short module each, drawn with the pieces in `pages.parts`."""
