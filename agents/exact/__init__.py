"""An exact Bayes filter over the enumerated rules, as an agent for the benchmark."""
