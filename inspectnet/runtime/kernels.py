"""Which operators onnxruntime computes on CUDA in float32 (index and extent arithmetic: in int64, or on the host)."""

CUDA_KERNELS = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Compress Concat ConstantOfShape Conv
    ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten
    Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample
    HardSigmoid HardSwish Identity If InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax Loop MatMul Max MaxPool Min Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow
    QuantizeLinear RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RoiAlign Round ScatterElements
    ScatterND Selu Shape Shrink Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
    Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
    """.split()
)

WRITTEN_OUT = frozenset({"Swish", "Mish", "GroupNormalization"})
"""Operators that onnxruntime replaces, on every device, by the operators of their definition, which are above."""


def without_cuda_kernel(ops: set[str]) -> list[str]:
    """Those of `ops` that would fall back from CUDA to the CPU."""
    return sorted(ops - CUDA_KERNELS - WRITTEN_OUT)
