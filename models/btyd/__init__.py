"""Buy-till-you-die models of orders and spend: BG/NBD, MBG/NBD, their regular variants, Pareto/NBD and Gamma-Gamma."""

from models.btyd.bgcnbd import BGCNBD, MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.mbgnbd import MBGNBD
from models.btyd.paretonbd import ParetoNBD

__all__ = ["BGCNBD", "BGNBD", "MBGCNBD", "MBGNBD", "GammaGamma", "ParetoNBD"]
