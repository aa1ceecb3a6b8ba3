"""The commands in the order of the help, and two examples of each, as they are typed after `inspectnet`."""

EXAMPLES = {
    "layers": ("layers model.onnx", "layers model.onnx --alias eye=features.10 -o kept"),
    "activations": (
        "activations model.onnx -l conv5 --images photos/ -o kept",
        "activations model.onnx -l 'conv*' -l fc7:12 --pool max --images val.tar -o kept",
    ),
    "scan": ("scan model.onnx --images photos/ -o index", "scan a.onnx b.onnx --images val.tar -o index -l 'conv*'"),
    "report": (
        "report model.onnx --images photos/ -o site",
        "report model.onnx --index index -o site --with occlude,explain --photo dog.jpg --single-file",
    ),
    "explore": ("explore model.onnx --images photos/", "explore model.onnx --index index --port 8000 --no-browser"),
    "deconv": ("deconv model.onnx -l conv5 --images photos/", "deconv model.onnx -l conv5:212 cat.jpg -o cat"),
    "explain": ("explain model.onnx photos/*.jpg", "explain model.onnx cat.jpg -c tabby -m gradient,grad_cam"),
    "sanity": ("sanity model.onnx photos/*.jpg", "sanity model.onnx --images photos/ -m all --repeats 3"),
    "selectivity": ("selectivity model.onnx -l conv5", "selectivity model.onnx -l conv5 labelled/ --others 9"),
    "occlude": ("occlude model.onnx dog.jpg", "occlude model.onnx dog.jpg -c collie -l conv5 --stride 4"),
    "invariance": ("invariance model.onnx *.jpg", "invariance model.onnx cat.jpg -t rotate=-30:30:5 -l conv1"),
    "evolve": ("evolve checkpoints/ -l conv5 --images train/", "evolve 1.onnx 9.onnx -l 'conv*' --images train.tar"),
    "diagnose": ("diagnose model.onnx", "diagnose old.onnx new.onnx --images photos/ -l conv2"),
    "correspond": ("correspond model.onnx dogs.json -l conv5", "correspond model.onnx dogs.json -l fc7 --images dogs/"),
    "evaluate": ("evaluate model.onnx --images val/", "evaluate a.onnx b.onnx --images val.tar --crops 10 -o scores"),
    "invert": ("invert model.onnx -l conv5 -o inverse.onnx", "invert model.onnx -l conv5:pre -o inverse.onnx --split"),
    "verify": ("verify model.onnx", "verify model.onnx photos/*.jpg -l conv5 --verbose"),
    "annotate": (
        "annotate model.onnx -o named.onnx --classes names.txt",
        "annotate model.onnx -o new.onnx --mean 0,0,0 --std 1,1,1",
    ),
}
