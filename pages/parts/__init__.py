"""Pieces that pages share; Streamlit lives only here and in the pages."""
