"""Every genus of deep generative model: one engine, one command line, one honest protocol."""
