"""DLCRNet: a ResNet with additional features of finer resolution."""
