"""Any timm backbone that gives feature maps."""
