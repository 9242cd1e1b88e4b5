# %% [markdown]
# # Train, then doubt
#
# This notebook trains a network to tell four kinds of chest X-rays apart, and then looks for
# reasons not to believe the result. The X-rays are *phantoms*: drawn by a program, not taken from
# people. Research use only, this is not a medical device.
#
# The file is Python in the *percent* form. Jupyter opens it with jupytext, and
# `jupytext --to ipynb train_and_doubt.py` makes a notebook of it.

# %%
import pandas as pd

import pxr_tf as pxr

MODEL, FOLDS, EPOCHS = "xception", 5, (2, 5)  # about six minutes on two cores; nothing is trained twice

# %% [markdown]
# ## Train
#
# In a cross-validation, the patients are split into folds. Each network is tested on the fold that
# it did not learn from, so every image is tested once. Without `data`, phantoms are drawn. To use
# your own X-rays, say `data="folder"`, with a folder per class in it.

# %%
run = pxr.cross_validate(model=MODEL, folds=FOLDS, epochs=EPOCHS)
run.manifest.groupby(["label", "source"]).agg(images=("image_id", "size"), patients=("patient_id", "nunique"))

# %% [markdown]
# ## The result, with its uncertainty
#
# `low` and `high` hold the 95 % interval over patients: other patients from the same hospitals
# could give any figure between them. Four classes of equal size would be guessed right one time in
# four.

# %%
metrics = run.metrics
metrics[(metrics.fold == "mean") & metrics.metric.isin(["accuracy", "auc", "sensitivity"])][
    ["class", "metric", "value", "low", "high"]
]

# %% [markdown]
# Which class is taken for which? The rows are the truth, the columns what the networks said.

# %%
pd.crosstab(run.tested.label, run.tested.predicted)

# %% [markdown]
# ## Doubt it: warnings
#
# These were found before training began. Read the first one slowly. All images of one class come
# from one source, so a network can score well by recognising the *source*.

# %%
for warning in run.warnings:
    print("-", warning.text)

# %% [markdown]
# ## Doubt it: an audit
#
# An audit asks more: does a patient stand on both sides of a split? What can be told without seeing
# any lungs? Is there a property, such as the sharpness, that gives a class away?

# %%
findings = run.audit(["leaks", "probes", "properties", "source"])
findings.grade.value_counts()

# %%
for finding in findings[findings.grade.isin(["critical", "warning"])].itertuples():
    print(f"{finding.grade}: {finding.text} {finding.remedy}")

# %% [markdown]
# ## Doubt it: look where the network looked
#
# Heat maps are easy to believe. Open the page below: it shows each picture with its maps, and says
# for each method whether the maps change when the network is replaced by a random one. If they do
# not, they say nothing about what the network learned.

# %%
one_of_each = list(run.tested.groupby("label").image_id.first())
gallery = run.explain(one_of_each, methods=["grad_cam", "saliency"], checks=False)
print("Open", gallery.page)
gallery.table[["image_id", "method", "label", "predicted", "p_predicted"]]

# %% [markdown]
# ## What to take home
#
# A high accuracy says that the network separates *these images*. Whether it does so by the disease
# is another question, and the findings above are the way to ask it.
