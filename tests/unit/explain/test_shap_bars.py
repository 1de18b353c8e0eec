from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from riskmodel.explain.shap_bars import draw_importance


def test_bars_carry_the_labels_and_lengths_given_and_nothing_else():
    figure = Figure()
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    draw_importance(axis, labels=["small", "large", "middle"], sizes=[1.0, 30.0, 5.5], x_label="Share (%)")
    named = {
        label.get_text(): place
        for label, place in zip(axis.get_yticklabels(), axis.get_yticks(), strict=True)
    }
    lengths = {bar.get_y() + bar.get_height() / 2: bar.get_width() for bar in axis.patches}
    found = {
        name: min(lengths.items(), key=lambda one: abs(one[0] - place))[1] for name, place in named.items()
    }
    assert found == {"small": 1.0, "large": 30.0, "middle": 5.5}
    assert axis.get_xlabel() == "Share (%)"
    assert list(axis.texts) == []
