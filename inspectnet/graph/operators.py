"""Operators: one table that says what each operator of ONNX is; every set of operators is a query on it.

A row is the operator's name, what a layer that begins at it is called (`-` where none does), and its traits. What one
file alone does with one operator (its rule, its taps, how it sinks below a Transpose) stands in that file.
"""

TRAITS = {
    # what it computes
    "pointwise": "each output number comes of the numbers at its place in the inputs, which are broadcast",
    "activation": "ends a layer: a function of single numbers",
    "rectifier": "weakens negative numbers; methods rectify the signal there",
    "smooth": "a rectifier without a kink",
    "gate": "saturates on both sides; recorded, where it scales another signal",
    "sigmoid": "a gate between 0 and 1, which times its own input rectifies",
    "softmax": "a distribution along an axis",
    "join": "several maps become one",
    "product": "two live inputs scale each other's signals, whatever they are; a Mul may be a rectifier",
    "affine": "by constants it scales or shifts maps, and belongs to the layer whose weights it follows",
    "commutes": "its inputs may stand in any order",
    "weighted": "multiplies its map by learnt filters or matrices",
    "integer": "adds up products of integers, as dynamic quantisation does",
    "norm": "normalises by statistics of the training or of the map",
    "channelwise": "changes each place by itself, across axis 1",
    "along": "changes each place by itself, along its attribute `axis`",
    "window": "a kernel moves over the map, by strides, pads and dilations",
    "pool": "many places of a map become one number, maps stay apart",
    "reduction": "one number for all along the axes of its second input",
    "choice": "gives indices of the numbers it chose",
    "rounding": "to a grid of integers or back: no module's work",
    "recurrent": "walks along an axis of time; (T, N, C)",
    # what it moves
    "carrier": "gives all numbers of its first input, perhaps in other places",
    "ordered": "gives the numbers of its first input in the same order",
    "regroups": "cuts its axes up and puts them together again",
    "repeats": "gives its numbers several times",
    "moves": "gives numbers of places of its first input, or means of them",
    "blocks": "moves square blocks of places to channels, or back",
    "routes": "each number that it gives is one of its inputs'",
    "shares": "adds up numbers of its inputs, each times a share that is the same for any image",
    "frames": "cuts, pads or resizes the map: channels mostly stay",
    "extents": "depends on the extents of its input, not on its numbers",
    # the sign of what it gives, where its inputs' do not tell
    "signed": "may be negative, whatever its inputs are",
    "positive": "is never negative",
    # how it is computed
    "light": "its work is in proportion to what it reads and gives, and its inputs tell how much that is",
    "selection": "gives no more than it reads, once for each axis",
    "loop": "runs a graph over and over",
    "slow": "onnx's reference walks through its places one by one",
    "random": "may draw numbers at random",
    "defined": "the standard defines it by other operators, as which it is read",
}
IMPLIED = {
    "smooth": "rectifier", "rectifier": "activation", "activation": "pointwise", "sigmoid": "gate",
    "carrier": "routes", "rounding": "routes",
}  # fmt: skip

ROWS = """
# Weights
Conv                      conv     weighted window slow
ConvTranspose             convt    weighted window slow
Gemm                      fc       weighted light slow
MatMul                    fc       weighted product light
Einsum                    -        product signed
ConvInteger               conv     integer
MatMulInteger             fc       integer
DeformConv                -        slow
LSTM                      -        recurrent
GRU                       -        recurrent
RNN                       -        recurrent
Attention                 -        defined
RotaryEmbedding           -        defined
SwiGLU                    -        defined
# Pools
MaxPool                   pool     pool window slow routes
AveragePool               pool     pool window slow shares
GlobalMaxPool             pool     pool routes
GlobalAveragePool         pool     pool shares
LpPool                    -        positive slow
MaxUnpool                 -        slow
RoiAlign                  -        slow
ReduceL1                  -        reduction positive light
ReduceL2                  -        reduction positive light
ReduceLogSum              -        reduction signed light defined
ReduceLogSumExp           -        reduction signed light
ReduceMax                 pool     reduction light routes
ReduceMean                pool     reduction light shares
ReduceMin                 -        reduction light routes
ReduceProd                -        reduction light
ReduceSum                 -        reduction light shares
ReduceSumSquare           -        reduction positive light
CumSum                    -        light
# Normalisations
BatchNormalization        bn       norm channelwise light
LayerNormalization        norm     norm
GroupNormalization        norm     norm
InstanceNormalization     norm     norm
MeanVarianceNormalization norm     norm
LRN                       norm     channelwise
LpNormalization           -        along
# Activations
Relu                      -        rectifier
LeakyRelu                 -        rectifier
PRelu                     -        rectifier
ThresholdedRelu           -        rectifier
Elu                       -        smooth
Selu                      -        smooth
Celu                      -        smooth
Softplus                  -        smooth
Gelu                      -        smooth
HardSwish                 -        smooth
Mish                      -        smooth
Swish                     -        smooth
Clip                      -        activation
Sigmoid                   -        activation sigmoid
HardSigmoid               -        activation sigmoid
Tanh                      -        activation gate
Softsign                  -        activation gate
Softmax                   softmax  softmax gate along light
LogSoftmax                softmax  softmax along light
Hardmax                   -        softmax along
# Joins
Add                       add      pointwise join affine commutes shares
Sum                       add      pointwise join commutes shares
Mean                      add      pointwise join commutes shares
Mul                       gate     pointwise join affine commutes
Concat                    concat   join along light routes
Sub                       -        pointwise signed shares
Div                       -        pointwise product
Max                       -        pointwise commutes routes
Min                       -        pointwise commutes routes
Mod                       -        pointwise
Pow                       -        pointwise
Where                     -        pointwise routes
# Functions of single numbers
Abs                       -        pointwise positive
Neg                       -        pointwise signed
Sign                      -        pointwise
Sqrt                      -        pointwise positive
Reciprocal                -        pointwise
Exp                       -        pointwise positive
Log                       -        pointwise signed
Erf                       -        pointwise
Sin                       -        pointwise
Cos                       -        pointwise
Tan                       -        pointwise
Asin                      -        pointwise
Acos                      -        pointwise
Atan                      -        pointwise
Sinh                      -        pointwise
Cosh                      -        pointwise
Asinh                     -        pointwise
Acosh                     -        pointwise
Atanh                     -        pointwise
Round                     -        pointwise
Floor                     -        pointwise
Ceil                      -        pointwise
Shrink                    -        pointwise defined
IsInf                     -        pointwise
IsNaN                     -        pointwise
Not                       -        pointwise
And                       -        pointwise commutes
Or                        -        pointwise commutes
Xor                       -        pointwise commutes
Equal                     -        pointwise commutes
Greater                   -        pointwise
GreaterOrEqual            -        pointwise
Less                      -        pointwise
LessOrEqual               -        pointwise
BitShift                  -        pointwise
BitwiseAnd                -        pointwise
BitwiseNot                -        pointwise
BitwiseOr                 -        pointwise
BitwiseXor                -        pointwise
QuantizeLinear            -        rounding light
DequantizeLinear          -        rounding light
# The same numbers
Identity                  -        pointwise carrier ordered
Dropout                   -        pointwise carrier ordered random
Cast                      -        pointwise carrier
CastLike                  -        pointwise defined
Reshape                   -        carrier ordered regroups light
Flatten                   -        carrier ordered regroups light
Squeeze                   -        carrier ordered light
Unsqueeze                 -        carrier ordered light
Transpose                 -        carrier light
Pad                       -        carrier frames light slow
Expand                    -        carrier repeats light
Tile                      -        carrier repeats light
# Some of them, from other places
Slice                     -        moves frames light routes
Split                     -        moves along light routes
Gather                    -        moves light routes
GatherElements            -        moves light slow routes
GatherND                  -        moves light slow routes
ScatterElements           -        light slow
ScatterND                 -        light slow routes
Resize                    -        moves frames slow shares
Upsample                  -        moves slow shares
GridSample                -        moves slow
AffineGrid                -        slow
CenterCropPad             -        slow
Col2Im                    -        slow
DepthToSpace              -        moves blocks light routes
SpaceToDepth              -        moves blocks light routes
TopK                      -        moves routes light
Trilu                     -        light
ArgMax                    -        choice light
ArgMin                    -        choice light
Compress                  -        selection
NonZero                   -        selection
Unique                    -        selection
# Extents and constants
Shape                     -        extents light
Size                      -        extents light
ConstantOfShape           -        light
EyeLike                   -        light
OneHot                    -        light
Range                     -        light
Loop                      -        loop
Scan                      -        loop
"""


def _table() -> tuple[dict[str, frozenset[str]], dict[str, str]]:
    """The traits of each operator, implied ones too, and what layers that begin at it are called."""
    traits, stages = dict[str, frozenset[str]](), dict[str, str]()
    for row in filter(lambda line: line and not line.startswith("#"), ROWS.splitlines()):
        name, stage, *said = row.split()
        for trait in said:  # those implied are appended, and asked in their turn
            said += [IMPLIED[trait]] if trait in IMPLIED else []
        if name in traits or not TRAITS.keys() >= set(said):
            raise ValueError(f"the table of operators has two rows for {name}, or an unknown trait: {row}")
        traits[name] = frozenset(said)
        stages |= {} if stage == "-" else {name: stage}
    return traits, stages


OPERATORS, STAGES = _table()


def having(trait: str) -> frozenset[str]:
    """The operators with a trait of TRAITS."""
    if trait not in TRAITS:
        raise ValueError(f"no operator is '{trait}'")
    return frozenset(name for name, traits in OPERATORS.items() if trait in traits)


POINTWISE, ACTIVATIONS, RECTIFIERS = having("pointwise"), having("activation"), having("rectifier")
SMOOTH, GATES, SIGMOIDS, SOFTMAXES = having("smooth"), having("gate"), having("sigmoid"), having("softmax")
JOINS, PRODUCTS, AFFINE, COMMUTING = having("join"), having("product"), having("affine"), having("commutes")
WEIGHTED, INTEGER, NORMS, RECURRENT = having("weighted"), having("integer"), having("norm"), having("recurrent")
CHANNELWISE, ALONG, WINDOWS, POOLS = having("channelwise"), having("along"), having("window"), having("pool")
REDUCTIONS, CHOICES, ROUNDINGS = having("reduction"), having("choice"), having("rounding")
CARRIERS, ORDERED, REGROUPING, REPEATING = having("carrier"), having("ordered"), having("regroups"), having("repeats")
MOVES, BLOCKS, FRAMES, EXTENTS = having("moves"), having("blocks"), having("frames"), having("extents")
ROUTES, SHARES = having("routes"), having("shares")
SIGNED, POSITIVE = having("signed") | WEIGHTED | NORMS, having("positive")
LIGHT, SELECTIONS, LOOPS, SLOW = having("light"), having("selection"), having("loop"), having("slow")
RANDOM, DEFINED = having("random"), having("defined")
WEIGHTLESS = POINTWISE | JOINS | POOLS | MOVES | REDUCTIONS | ROUNDINGS
"""What has no weights of its own: of gates alone it makes a gate."""
