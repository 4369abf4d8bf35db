"""Every number that a report shows, explained."""

GLOSSARY: dict[str, str] = {
    "ahead": "Whether a fit ended at its last step with the best score in its last tenth: a later step may be better.",
    "architecture": "CELL:ROWS[:wWIDTH]. The cell doubles height and width in the decoder; one row of 0 and 1 for each "
    "decoder level, finest first, tells which of input, enc1, enc2, ... it adds. dip+MODE:N.N... is the network of "
    "Deep Image Prior with N skip channels a level.",
    "band correspondence": "Mean over a ring of frequencies of |F(output)| / |F(noisy)|, at most 1. 0: the network has "
    "not yet made these frequencies; 1: it has them as strong as the noisy image. Low bands rise first; when the high "
    "ones rise, noise is fitted.",
    "baseline": "The running level of the reward (dB) from which REINFORCE measures whether a trial was good.",
    "best so far": "The largest reward of the trials up to this one; failed and stopped ones are left out.",
    "clean PSNR": "PSNR (dB) of a trial's averaged output against the clean image.",
    "detail correlation": "Correlation of the residual with the fine detail of the restored image. 0: no trace of the "
    "picture; above 0.15: edges were softened, or a share of the noise was left in, which makes the residual weaker.",
    "early stopping": "A rule that ends a trial whose reward is not among the best so far. Size: a trial begins with a "
    "smaller fit (two thirds of the crop and steps), and the best quarter goes on. Halving: at "
    "each rung (a share of the steps, doubled from one to the next) the best half of the trials that came as far goes "
    "on. Median: a trial goes on while its best reward is at least the median of the others' mean rewards.",
    "events": "What happened in a fit: a loss that rose or was not a number, and the step whose state it went back to.",
    "failed": "A trial whose network could not be built or fitted. Its reward is the floor, 0 dB.",
    "ES-WMV": "A stopping rule; its score is the variance of the network's outputs over the last 100 steps.",
    "estimated PSNR": "PSNR (dB) against the clean image, estimated without it. Of a trial or a repetition: from the "
    "held-out error less the variance of the noise; a dash where the noise hides it. Of the restored image: with the "
    "interval that should hold the true one in 90 % of cases.",
    "expected error": "Root mean square error that is expected of each pixel of the restored image, estimated without "
    "the clean one; 8-bit units. Also called uncertainty.",
    "held-out PSNR": "PSNR (dB) of the averaged output against the noisy image on pixels left out of the loss. Its "
    "error is that against the clean image plus the noise's own, so that it ranks fits without a clean image.",
    "held-out pixels": "Mean squared error of the averaged output on the pixels left out of the loss.",
    "image of step": "The step whose averaged output a repetition kept: that with the best score of the stopping rule; "
    "without a rule the last. A range where tiles have a step each.",
    "job": "A process that NNI started for one or more trials (NNI itself calls it a trial), by NNI's id.",
    "loss": "Mean squared error of the output against the noisy image, intensities in [0, 1]. Below the noise variance "
    "the network fits noise.",
    "lost job": "A job of NNI's that ended before it took an architecture; another job is given that one.",
    "mean of fits": "Mean of the repetitions' averaged outputs, before it is refined.",
    "ms per step": "Milliseconds of an optimiser step of a trial: the median over its fit, with whatever else the "
    "machine did, other trials included. It differs between machines.",
    "noise level": "Standard deviation of the noise before clipping, root mean square over the image, in 8-bit units: "
    "25 means 25/255 of the range. As given, or estimated from the flattest patches.",
    "oracle": "Measured or picked with the clean image, which nobody has in practice: a bound, not a result.",
    "parameters": "Number of weights of the network.",
    "Pareto front": "The trials of which no other one has at least their PSNR at no more cost, one of the two being "
    "better. What is chosen among them is a matter of what time or memory there is.",
    "penalty": "What the cost of a trial's step beyond the search's target took from its reward, dB; their sum is the "
    "PSNR. It is part of searches with such a target alone.",
    "policy entropy": "How undecided the policy is (nats): ln(size of the space) for a uniform choice, 0 when it "
    "always proposes the same architecture.",
    "portal": "NNI's web page of an experiment. It asks for no password, so only this machine should reach it.",
    "PSNR": "Peak signal-to-noise ratio, 10 log10(1 / mean squared error), dB. 6 dB more: half the error.",
    "radial PSD": "Power spectral density, averaged over all directions of one |f|. White noise is flat, natural "
    "images fall; where the restored curve leaves that of the noisy image, noise was removed.",
    "random search, expected best": "The expected largest of k rewards drawn without replacement from all rewards of a "
    "random search on the same image, space and proxy fit. A search that is worth its name lies above.",
    "reference": "A non-local Bayes estimate of the clean image, made from the noisy one without a network. Fits are "
    "stopped where they are nearest to it, and the restored image is refined with it.",
    "refined": "Made of the fits and the reference, rather than of the fits alone.",
    "repeated": "A trial whose architecture had been fitted before; its result was used again.",
    "reward": "What the searcher learns from (dB): the clean PSNR where there is a clean image, else the estimated "
    "PSNR or, where the noise allows no reference, the held-out PSNR, of the proxy fit; less the penalty, if any.",
    "reward by step": "The reward that a trial's fit would have had if it had ended at that step.",
    "saved": "1 - (steps taken) / (steps of whole fits), over the trials that were fitted or stopped early.",
    "score": "What a stopping rule gives every step from the noisy image alone, smaller being better: the distance "
    "from the reference, the held-out error, SURE, ES-WMV, or the residual's distance from white.",
    "SSIM": "Structural similarity with the clean image, at most 1.",
    "steps": "Optimiser steps that a trial's fit took.",
    "stopping rule": "What decides which step's image a fit keeps, and when it ends: reference, heldout, sure, es-wmv, "
    "whiteness; fixed takes all steps and keeps the last image.",
    "stopped": "A trial that was ended before its last step, by early stopping, a time limit or a person. Its reward "
    "is the best it had; the searcher is told what others like it had in the end; it is never the best architecture.",
    "SURE": "Stein's unbiased risk estimate: the mean squared error against the clean image, estimated from the noisy "
    "one and the noise level by fitting twice; here but for a constant, so that it may be negative.",
    "trial": "One architecture, and its proxy fit: short, narrow, on a crop.",
    "whiteness statistic": "Largest distance between the residual's normalised cumulative periodogram and the straight "
    "line of white noise, from 0 to 1. White residuals exceed the threshold in 5 % of cases.",
}
