"""The plot: for every figure with a better direction, how many times better than RabbitMQ, on a logarithmic scale."""

from pathlib import Path

from benchmark.report import Report, format_ratio, lines

PARITY = 1.0


def write_plot(report: Report, path: Path) -> None:
    """Writes the plot as SVG. Needs matplotlib, and a report with something to compare with."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    compared = [line for line in lines(report) if any(value is not None for value in line.ratios)]
    others = report.columns[1:]
    # text stays text, and the same figures give the same file
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmark"}):
        figure = Figure(figsize=(10, 1.5 + 0.45 * len(compared)), layout="constrained")
        axes = figure.subplots()
        height = 0.8 / len(others)
        for number, other in enumerate(others):
            places = [place + (number - (len(others) - 1) / 2) * height for place in range(len(compared))]
            values = [line.ratios[number] or PARITY for line in compared]
            bars = axes.barh(
                places, [value - PARITY for value in values], height, left=PARITY, label=f"against {other}"
            )
            texts = [format_ratio(line.ratios[number]) for line in compared]
            axes.bar_label(bars, texts, padding=3, fontsize=8)
        axes.axvline(PARITY, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.margins(x=0.15, y=0.01)
        axes.set_yticks(range(len(compared)), [f"{line.row.name}: {line.figure.unit}" for line in compared], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("times better than RabbitMQ (right of 1: amqpbroker is better)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=len(others))
        figure.savefig(path, format="svg", metadata={"Date": None})
