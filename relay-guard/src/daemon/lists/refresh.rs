//! Lists that the administrator wants refreshed now.

use super::{ListSet, list::Intake};
use crate::{
    control::{api, server::Answer},
    daemon::clock::Tick,
    intake::Task,
};

/// Somebody who waits for lists to be refreshed.
#[derive(Debug)]
pub struct Waiting {
    /// Numbers of the lists that are still being taken in.
    pending: Vec<u64>,
    rows: Vec<api::RefreshedList>,
    answer: Answer<api::Refreshed>,
}

impl Waiting {
    /// Notes that a list was taken in, if this is waited for.
    pub fn done(&mut self, number: u64, told: Option<&api::RefreshedList>) {
        if let Some(at) = self.pending.iter().position(|pending| *pending == number) {
            self.pending.swap_remove(at);
            self.rows.extend(told.cloned());
        }
    }

    /// Only these lists are still being taken in; what became of the others is nobody's to tell any more.
    pub fn forget_others(&mut self, kept: &[u64]) {
        self.pending.retain(|number| kept.contains(number));
    }

    /// Whether all lists were taken in.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.pending.is_empty()
    }

    /// Answers. `unpublished` is why what the lists hold is not in force, if it is not: then nothing was a success.
    pub fn finish(mut self, unpublished: Option<&str>) {
        self.rows.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(error) = unpublished {
            let taken = |row: &&mut api::RefreshedList| matches!(&*row.outcome, "changed" | "unchanged");
            for row in self.rows.iter_mut().filter(taken) {
                (row.outcome, row.message) = ("failed".to_owned(), error.to_owned());
            }
        }
        // Somebody who does not wait for the answer is no error.
        let _ = self.answer.send(Ok(api::Refreshed { lists: self.rows }));
    }
}

impl ListSet {
    /// Begins what `request` wants: the tasks, and who waits for them. Answers itself if there is no such list.
    pub fn refresh(
        &mut self,
        request: &api::RefreshRequest,
        answer: Answer<api::Refreshed>,
        now: Tick,
    ) -> Option<(Vec<(u64, Task)>, Waiting)> {
        let wanted = |name: &str| request.name.as_deref().is_none_or(|wanted| wanted == name);
        if let Some(name) = request.name.as_ref().filter(|name| self.find(name).is_none()) {
            let _ = answer.send(Err(format!("there is no list {name:?}; `relay-guard list` shows all")));
            return None;
        }
        let mut waiting = Waiting { pending: Vec::new(), rows: Vec::new(), answer };
        let mut tasks = Vec::new();
        for list in self.lists.iter_mut().filter(|list| wanted(&list.config.name)) {
            if list.busy && request.accept {
                let message = "it is being taken in at this moment, without --accept; try again".to_owned();
                waiting.rows.push(row(&list.config.name, "not-yet", message));
                continue;
            }
            let may_be = match &mut list.intake {
                Intake::Fetched(schedule) if !list.busy => {
                    schedule.request_now(now.monotonic_s, request.force || request.accept)
                }
                Intake::Fetched(_) | Intake::Watched { .. } => now.monotonic_s,
            };
            if may_be > now.monotonic_s {
                let wait = std::time::Duration::from_secs(may_be - now.monotonic_s);
                let wait = humantime::format_duration(wait);
                let message = format!(
                    "its provider may be asked again in {wait}, which will be done; --force asks now"
                );
                waiting.rows.push(row(&list.config.name, "not-yet", message));
                continue;
            }
            waiting.pending.push(list.number);
            if !list.busy {
                tasks.push((list.number, list.task(request.accept, &self.bounds, now)));
            }
        }
        Some((tasks, waiting))
    }

    /// What came of the last taking in of a list, in words.
    #[must_use]
    pub fn told(&self, number: u64, changed: bool) -> Option<api::RefreshedList> {
        let list = self.lists.iter().find(|list| list.number == number)?;
        let name = &list.config.name;
        let entries = list.figures.map_or(0, |figures| figures.entries);
        Some(match &list.fault {
            Some(fault) => row(name, "failed", fault.message.clone()),
            None if changed => row(name, "changed", format!("{entries} entries are in force")),
            None => row(name, "unchanged", format!("{entries} entries, as before")),
        })
    }
}

fn row(name: &str, outcome: &str, message: String) -> api::RefreshedList {
    api::RefreshedList { name: name.to_owned(), outcome: outcome.to_owned(), message }
}
