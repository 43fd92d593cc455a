"""Linear models on frozen features: logistic regression at many strengths at once, and ridge regression."""
