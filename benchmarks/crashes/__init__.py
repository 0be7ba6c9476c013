"""Random commands, kills, clock jumps, damage, losses and erasures on one small workspace, with what must always hold."""
