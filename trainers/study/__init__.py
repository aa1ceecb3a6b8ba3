"""Table 3 and the runs that the findings rest on."""
