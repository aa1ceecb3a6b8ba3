"""The PyTorch side: makes ZFNet and AlexNet graphs with the recipe of Zeiler & Fergus (2014)."""
