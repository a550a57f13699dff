"""The pages and pictures that are made from the code: ``python -m tools.pages`` writes all of them."""
