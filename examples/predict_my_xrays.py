# %% [markdown]
# # Predict my X-rays
#
# This notebook lets a trained run predict a folder of pictures, and shows which answers not to
# trust. Research use only, this is not a medical device: do not use it to diagnose anybody.

# %%
from pathlib import Path

import pxr_tf as pxr

MODEL, FOLDS, EPOCHS = "xception", 5, (2, 5)  # as in train_and_doubt.py, whose run is then opened
MY_XRAYS = Path("my-xrays/every-source/images")  # your own folder of pictures
LABELLED = MY_XRAYS.parent  # a folder per class, or a CSV with path and label

# %% [markdown]
# ## A trained run
#
# If you have a run, or got one from somebody else, open it: `run = pxr.open_run("its/folder")`. The
# next line trains one on phantoms, or opens it if it exists.

# %%
run = pxr.cross_validate(model=MODEL, folds=FOLDS, epochs=EPOCHS)
run.recipe.classes

# %% [markdown]
# ## Pictures
#
# If there is no folder, phantoms of other patients are drawn. They come from other "hospitals" than
# those of training, as yours would.

# %%
if not MY_XRAYS.exists():
    patients = dict.fromkeys(["bacterial", "covid19", "normal", "viral"], 4)
    pxr.write_phantoms(Path("my-xrays"), patients=patients, size=96, seed=7, every_source=True)
    (MY_XRAYS / "not-a-picture.png").write_text("This is text.")

# %% [markdown]
# ## Predict
#
# One row per picture. `p_<class>` is the mean probability of the folds' networks, and `agreement`
# the share of the networks that name the class in `predicted`.

# %%
answers = run.predict(MY_XRAYS)
answers.drop(columns=["path", "fault"]).head(10)

# %% [markdown]
# ## Which answers need care?
#
# Three kinds. Pictures that could not be read have no probability, and a reason in `fault`. If the
# networks disagree, a single one of them would have been a matter of luck. And a picture that the
# run was trained on (`known`) is no test of anything.

# %%
answers.loc[answers.fault != "", ["image_id", "fault"]]

# %%
disagreed = answers[answers.agreement < 1].sort_values("agreement")
disagreed[["image_id", "predicted", "agreement"]].head()

# %%
answers.known.value_counts()

# %% [markdown]
# A run that was audited also says what was found, in the column `caution`. And a confident answer
# may still be wrong: on pictures unlike those of training, probabilities mean little.
#
# ## If you know the truth
#
# Then do not count the right answers by hand. `evaluate` leaves out what the networks learned from,
# and puts the figures on your pictures beside those of the run itself.

# %%
images = pxr.read_data(LABELLED)
found = run.evaluate(images)
found.beside

# %% [markdown]
# The last table says what each group of your pictures was *called*. Of healthy people, how many
# were called ill?

# %%
found.called

# %% [markdown]
# ## Keep the answers
#
# The CSV has the same columns as the file that `pxr predict` writes.

# %%
answers.to_csv("answers.csv", index=False)
