"""RTMPose: CSPNeXt with a SimCC head on crops."""
