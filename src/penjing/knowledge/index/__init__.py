"""Ways to find excerpts, one file each, and how their answers become one."""
