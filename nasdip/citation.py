"""What to cite."""

from nasdip import __version__

CITATION = f"""\
@software{{nasdip,
  title   = {{nasdip: neural architecture search for Deep Image Prior}},
  author  = {{{{The nasdip founders}}}},
  version = {{{__version__}}},
  year    = {{2026}},
}}

@inproceedings{{ulyanov2018dip,
  title     = {{Deep Image Prior}},
  author    = {{Ulyanov, Dmitry and Vedaldi, Andrea and Lempitsky, Victor}},
  booktitle = {{IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)}},
  year      = {{2018}},
}}

@inproceedings{{chen2020nasdip,
  title     = {{{{NAS-DIP}}: Learning Deep Image Prior with Neural Architecture Search}},
  author    = {{Chen, Yun-Chun and Gao, Chen and Robb, Esther and Huang, Jia-Bin}},
  booktitle = {{European Conference on Computer Vision (ECCV)}},
  year      = {{2020}},
}}

@article{{lebrun2013nonlocal,
  title   = {{A Nonlocal {{Bayesian}} Image Denoising Algorithm}},
  author  = {{Lebrun, Marc and Buades, Antoni and Morel, Jean-Michel}},
  journal = {{SIAM Journal on Imaging Sciences}},
  volume  = {{6}},
  year    = {{2013}},
}}

@article{{shi2022spectral,
  title   = {{On Measuring and Controlling the Spectral Bias of the Deep Image Prior}},
  author  = {{Shi, Zenglin and Mettes, Pascal and Maji, Subhransu and Snoek, Cees G. M.}},
  journal = {{International Journal of Computer Vision}},
  year    = {{2022}},
}}
"""
