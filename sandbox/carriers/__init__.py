"""The simulated carriers, each on its real socket, and the phones behind them."""
