"""The inverse of a network: the walk back through its graph, as one graph or in two parts, or one operator alone."""

from inspectnet.inverse.inverse import Inverse
from inspectnet.inverse.operators import Operator
from inspectnet.inverse.projection import Projection
from inspectnet.inverse.split import Split, invert_split
from inspectnet.inverse.unit_crops import check_unit, field_box
from inspectnet.inverse.walk import OWNER, PIXELS, SEED, invert
