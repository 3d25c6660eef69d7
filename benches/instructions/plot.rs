//! Draws curves as SVG.

use std::fmt::Write;

/// Some curves over the same axis.
pub struct Plot {
    /// What the axis is.
    pub title: &'static str,
    pub lines: Vec<Line>,
}

/// One curve.
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// Prints the points, and how well a straight line fits them.
    pub fn print(&self) {
        let (slope, start) = self.fit();
        let off = self.points.iter().map(|(x, y)| (y - start - slope * x).abs() / y.abs());
        let off = off.fold(0.0, f64::max) * 100.0;
        print!("{:>12}: {slope:>8.2} x + {start:.0}, off by {off:.0} % at most:", self.name);
        for (x, y) in &self.points {
            print!(" {x}:{y:.0}");
        }
        println!();
    }

    /// Returns slope and start of the line with the least squares.
    fn fit(&self) -> (f64, f64) {
        let count = self.points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let sum = |of: fn(f64, f64) -> f64| -> f64 {
            self.points.iter().map(|point| of(point.0 - x, point.1 - y)).sum()
        };
        let slope = sum(|x, y| x * y) / sum(|x, _| x * x);
        (slope, y - slope * x)
    }
}

const COLOURS: [&str; 2] = ["#0b6e4f", "#c1440e"];
const COLUMNS: usize = 3;
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 240.0;
/// Around each plot, for its numbers.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;

/// Draws plots side by side.
pub fn svg(plots: &[Plot]) -> String {
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT * plots.len().div_ceil(COLUMNS) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, plot) in plots.iter().enumerate() {
        let (x, y) = ((index % COLUMNS) as f64 * WIDTH, (index / COLUMNS) as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>", draw(plot));
    }
    svg + "</svg>\n"
}

fn draw(plot: &Plot) -> String {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let (width, height) = (points().map(|p| p.0), points().map(|p| p.1));
    let (width, height) = (width.fold(1.0, f64::max), height.fold(1.0, f64::max));
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let at_x = |x: f64| LEFT + x / width * (right - LEFT);
    let at_y = |y: f64| bottom - y / height * (bottom - TOP);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        bottom + 30.0,
        plot.title,
    );
    for part in [0.0, 0.5, 1.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.0}</text>",
            at_x(part * width),
            bottom + 14.0,
            part * width,
            LEFT - 5.0,
            at_y(part * height) + 4.0,
            part * height,
        );
    }
    for (index, (line, colour)) in plot.lines.iter().zip(COLOURS).enumerate() {
        let points = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y)));
        let points = points.collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            LEFT + 5.0 + 80.0 * index as f64,
            TOP - 8.0,
            line.name,
        );
    }
    svg
}
