"""A gateway that hands on what this machine holds, each block rehashed: see `mirror.serve.app`."""
