use super::*;

/// How often `part` stands in `text`.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn every_line_is_drawn_in_the_colours_of_the_page() {
    let lines: Vec<Line> = (0..7).map(|cell| vec![(0.0, cell as f64), (10.0, 2.0 * cell as f64)]).collect();
    let svg =
        traces(&lines, &super::super::median(&lines), Axis::linear("time, h"), Axis::linear("area")).unwrap();
    assert!(svg.starts_with("<svg viewBox=") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert_eq!((count(&svg, "var(--plot-line"), count(&svg, "var(--plot-median")), (7, 1));
    assert!(svg.contains("time, h") && svg.contains("area") && svg.contains("currentColor"));
    assert!(!svg.contains("#FAFB"), "a colour has not been replaced: {svg}");
    assert!(!svg.contains("<script") && !svg.contains("width=\"1800\""));
}

#[test]
fn texts_from_outside_cannot_leave_their_place() {
    let svg = histogram(&Histogram::of(&[1.0, 2.0]).unwrap(), "<script>&\"").unwrap();
    assert!(!svg.contains("<script>"), "{svg}");
    assert_eq!(count(&svg, "var(--plot-bar"), 2);
}

#[test]
fn classes_have_their_colours_up_to_their_limits() {
    let svg = quality(&[0.0, 0.3, 0.7, 0.71, 0.9, 0.95, 1.0]).unwrap();
    let colours = ["var(--plot-poor", "var(--plot-fair", "var(--plot-good"].map(|colour| count(&svg, colour));
    assert_eq!(colours, [3, 2, 2], "{svg}");
}

#[test]
fn values_that_cannot_be_drawn_are_left_out() {
    let dot = |x, y| Dot { x, y, quality: Quality::Fair };
    let dots = [dot(1.0, 1.0), dot(10.0, 1e5), dot(-1.0, 1.0), dot(f64::NAN, 2.0), dot(1.0, f64::INFINITY)];
    let log = Axis { label: "ktl", logarithmic: true };
    assert_eq!(count(&scatter(&dots, log, log).unwrap(), "<circle"), 2);
    assert_eq!(count(&scatter(&dots, Axis::linear("x"), Axis::linear("y")).unwrap(), "<circle"), 3);
    let line =
        vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 1e300), (5.0, 1.0), (6.0, 2.0)];
    let svg = fit(&line, &line, Quality::Good, Axis::linear("time, h"), Axis::linear("intensity")).unwrap();
    assert_eq!((count(&svg, "<circle"), count(&svg, "var(--plot-good")), (5, 2), "{svg}");
}

#[test]
fn nothing_and_extreme_values_give_a_plot_too() {
    let axis = Axis::linear("x");
    assert!(traces(&[], &Vec::new(), axis, axis).unwrap().contains("<svg"));
    assert!(scatter(&[], axis, axis).unwrap().contains("<svg"));
    assert!(quality(&[]).unwrap().contains("<svg"));
    for value in [0.0, -0.0, 1e-320, 1e149, -1e149, 1.0 + f64::EPSILON] {
        let line = vec![(0.0, value), (1e-12, -value), (1e140, 1.0)];
        assert!(
            traces(std::slice::from_ref(&line), &line, axis, axis).unwrap().contains("polyline"),
            "{value}"
        );
        assert!(histogram(&Histogram::of(&[value, 1.0]).unwrap(), "x").unwrap().contains("rect"), "{value}");
    }
}
