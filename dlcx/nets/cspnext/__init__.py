"""CSPNeXt backbones."""
