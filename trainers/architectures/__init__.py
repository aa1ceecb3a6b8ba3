"""Every network of the paper as rows of numbers, and as torch modules."""
