"""One file per experiment of the paper: a network and images in, a frozen result of arrays out."""
