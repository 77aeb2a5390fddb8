"""HRNet backbones."""
