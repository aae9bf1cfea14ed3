"""One module for each family of formats. `registry` knows them all; `reader` says what they have in common."""
