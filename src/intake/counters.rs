//! What is counted of telemetry from files and topics.

use crate::telemetry::totals;

totals! {
    "intake" {
        /// Values that were taken and are on disk.
        points,
        /// Bytes of files that were read.
        bytes,
        /// Lines and values that could not be read.
        bad_lines,
        /// Looks at folders so far.
        polls,
        /// How often notifications about a folder were lost, after which it was looked at as a whole.
        notifications_lost,
        /// Looks at folders that could not be read.
        polls_failed,
        /// Batches of values that were written to disk.
        commits,
        /// Attempts to write that the disk refused; the values wait meanwhile.
        commits_failed,
        /// Values left out because there were more channels than `intake_store.max_channels`.
        without_channel,
        /// Messages of topics that were dropped because too many waited.
        messages_dropped,
        /// Buckets of the history that were removed because of their age.
        pruned,
        /// Cursors of files that were removed, because their source is not configured for longer than history is kept.
        cursors_removed,
    }
}
