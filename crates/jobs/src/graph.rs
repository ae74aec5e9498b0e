//! The order of a workflow's jobs, and the circle where there is none.

/// An order in which every job comes after its parents; `parents[n]` are those of job `n`. Where there is none, the jobs of one
/// circle, the first of them again at the end (A. B. Kahn, "Topological sorting of large networks", 1962).
pub(crate) fn order(parents: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut children = vec![Vec::new(); parents.len()];
    let mut open: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (job, of) in parents.iter().enumerate() {
        for &parent in of {
            children[parent].push(job);
        }
    }
    let mut found: Vec<usize> = (0..parents.len()).filter(|&job| open[job] == 0).collect();
    let mut at = 0;
    while let Some(&job) = found.get(at) {
        at += 1;
        for &child in &children[job] {
            open[child] -= 1;
            if open[child] == 0 {
                found.push(child);
            }
        }
    }
    if found.len() == parents.len() { Ok(found) } else { Err(circle(parents, &open)) }
}

/// Each job that is left has a parent that is left, so going from parent to parent comes back.
fn circle(parents: &[Vec<usize>], open: &[usize]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut seen = vec![None; parents.len()];
    let mut next = open.iter().position(|&count| count > 0);
    while let Some(job) = next {
        if let Some(start) = seen[job] {
            path.push(job);
            let mut circle = path.split_off(start);
            // From parent to child, as people write it.
            circle.reverse();
            return circle;
        }
        seen[job] = Some(path.len());
        path.push(job);
        next = parents[job].iter().copied().find(|&parent| open[parent] > 0);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_in_a_diamond() {
        let order = order(&[vec![1, 2], vec![3], vec![3], vec![]]).unwrap();
        let at = |job| order.iter().position(|&other| other == job).unwrap();
        assert!(at(3) < at(1) && at(3) < at(2) && at(1) < at(0) && at(2) < at(0), "{order:?}");
    }

    #[test]
    fn a_circle_is_named_from_parent_to_child_without_what_hangs_on_it() {
        // 0 needs 1, 1 needs 2, 2 needs 1; 3 is free.
        assert_eq!(order(&[vec![1], vec![2], vec![1, 3], vec![]]), Err(vec![1, 2, 1]));
        assert_eq!(order(&[vec![0]]), Err(vec![0, 0]));
        let ring = order(&[vec![2], vec![0], vec![1]]).unwrap_err();
        // 0 -> 1 -> 2 -> 0 in whichever turn.
        assert_eq!(ring.len(), 4);
        assert!(ring.windows(2).all(|pair| (pair[0] + 1) % 3 == pair[1]), "{ring:?}");
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let parents: Vec<Vec<usize>> =
            (0..100_000).map(|job: usize| job.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(order(&parents).unwrap(), (0..100_000).collect::<Vec<_>>());
    }
}
