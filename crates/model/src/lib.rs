//! The domain of mailferry as plain data and rules, and the ports that the other rooms implement.
