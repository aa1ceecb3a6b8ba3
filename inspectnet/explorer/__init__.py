"""The explorer: a network as named values and pictures, for a page in which people walk through it.

opened network + index -> Bundle (values by name, each made when asked for) -> a folder, a single file, a server
"""

from inspectnet.explorer.bundle import Bundle
