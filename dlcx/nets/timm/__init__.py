"""Any timm backbone with feature maps."""
