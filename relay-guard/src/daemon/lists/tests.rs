use std::{fs, path::Path};

use relay_guard_common::counter::Counter;

use super::{list::ListState, *};
use crate::{
    config::{self, Config},
    feeds::source::Fetcher,
    intake,
    policy::ListRule,
};

/// Lists in a directory of their own, and a clock that tests set.
struct Scene {
    directory: tempfile::TempDir,
    set: ListSet,
    now: Tick,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::open(&directory.path().join("cache")).expect("a cache");
        let set = ListSet::empty(Bounds { list_bytes: 1 << 20, cache });
        Self { directory, set, now: Tick { unix_s: 1_800_000_000, monotonic_s: 1000, random: 0 } }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).expect("written");
    }

    fn config(&self, lists: &str) -> Config {
        let text = format!("[interfaces]\noutside = [\"eth0\"]\n{lists}");
        config::parse(&text, &self.path().join("config.toml")).expect(lists)
    }

    async fn load(&mut self, lists: &str) -> Result<(), Vec<LoadListError>> {
        let config = self.config(lists);
        self.set = ListSet::load(&config, &self.set, &Fetcher::default(), self.now).await?;
        Ok(())
    }

    /// So many seconds pass. Whether anything is to be compiled anew.
    async fn pass(&mut self, seconds: u64) -> bool {
        self.pass_for(seconds, 0).await
    }

    /// So many seconds pass, and each list that is due then comes after `each` more.
    async fn pass_for(&mut self, seconds: u64, each: u64) -> bool {
        self.let_pass(seconds);
        let mut changed = false;
        for (number, task) in self.set.due(self.now) {
            let result = intake::run(&Fetcher::default(), task).await;
            self.let_pass(each);
            changed |= self.set.done(number, result, self.now).expect("the list is there");
        }
        changed
    }

    fn let_pass(&mut self, seconds: u64) {
        self.now.unix_s += seconds;
        self.now.monotonic_s += seconds;
    }

    fn list(&self, name: &str) -> &LoadedList {
        self.set.find(name).expect(name)
    }

    /// Whether the first part of list `a` has a say on some port.
    fn weighs(&self) -> bool {
        self.set.weighed(self.now.unix_s).placed()[0].rule.ports.holds(25)
    }

    fn entries(&self, name: &str) -> usize {
        self.list(name).content.v4().count()
    }
}

const A: &str = "[[lists]]\nname = \"a\"\nfile = \"a.txt\"\n";

fn command(text: &str) -> String {
    format!("[[lists]]\nname = \"a\"\ncommand = [\"/bin/sh\", \"-c\", {text:?}]\n")
}

#[tokio::test]
async fn a_changed_file_is_taken_once_it_holds_still() {
    let mut scene = Scene::new();
    scene.write("a.txt", "192.0.2.1\n");
    scene.load(A).await.expect("a good list");
    assert!(!scene.pass(1).await);
    scene.write("a.txt", "192.0.2.1\n192.0.2.2\n");
    assert!(!scene.pass(1).await, "first look");
    assert!(scene.pass(1).await, "second look");
    assert_eq!(scene.entries("a"), 2);
    assert!(!scene.pass(1).await);
}

/// Whoever starts from the copy must not take the list for older, or for younger, than the daemon before.
#[tokio::test]
async fn a_list_that_is_long_in_coming_is_as_old_as_its_copy() {
    let mut scene = Scene::new();
    let lists = command("echo 192.0.2.1");
    scene.load(&lists).await.expect("a good list");
    assert!(scene.pass_for(3600, 7).await);
    let taken = scene.list("a");
    let (loaded_at, refreshed_at) = (taken.loaded_at, taken.refreshed_at);
    assert_eq!((loaded_at, refreshed_at), (scene.now.unix_s - 7, Some(scene.now.unix_s - 7)));
    let copies = Bounds { list_bytes: 1 << 20, cache: Cache::open(&scene.path().join("cache")).expect("it") };
    scene.set = ListSet::empty(copies);
    scene.load(&lists).await.expect("its copy");
    let restored = scene.list("a");
    assert_eq!((restored.loaded_at, restored.refreshed_at), (loaded_at, refreshed_at));
}

#[tokio::test]
async fn a_bad_file_leaves_the_last_good_content() {
    let mut scene = Scene::new();
    scene.write("a.txt", "192.0.2.1\n");
    scene.load(A).await.expect("a good list");
    scene.write("a.txt", "192.0.2.1\nnonsense\n");
    assert!(!scene.pass(1).await && !scene.pass(1).await && !scene.pass(1).await);
    assert_eq!(scene.entries("a"), 1);
    let list = scene.list("a");
    assert_eq!(list.state(scene.now.unix_s), ListState::Stale);
    let fault = list.fault.as_ref().expect("a fault");
    assert!(fault.message.contains("a.txt:2"), "{}", fault.message);
    fs::remove_file(scene.path().join("a.txt")).expect("removed");
    assert!(!scene.pass(1).await);
    assert_eq!(scene.list("a").fault.as_ref().map(|fault| fault.kind), Some("file"));
    scene.write("a.txt", "192.0.2.9\n192.0.2.10\n192.0.2.11\n");
    assert!(!scene.pass(1).await && scene.pass(1).await);
    assert_eq!((scene.entries("a"), scene.list("a").fault.as_ref()), (3, None));
}

#[tokio::test]
async fn all_bad_lists_are_told() {
    let mut scene = Scene::new();
    scene.write("a.txt", "nonsense\n");
    let lists = format!("{A}[[lists]]\nname = \"b\"\nfile = \"b.txt\"\n");
    let errors = scene.load(&lists).await.expect_err("two bad lists");
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[tokio::test]
async fn a_start_takes_the_last_good_copy_where_the_file_is_bad() {
    let mut scene = Scene::new();
    scene.write("a.txt", "192.0.2.1\n192.0.2.2\n");
    scene.load(A).await.expect("a good list");
    scene.set = ListSet::empty(scene.set.bounds().clone());
    scene.write("a.txt", "nonsense\n");
    scene.load(A).await.expect("the copy");
    assert_eq!(scene.entries("a"), 2);
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Stale);
    assert!(!scene.pass(1).await, "what was refused is not read again");
    scene.write("a.txt", "192.0.2.3\n");
    assert!(!scene.pass(1).await && scene.pass(1).await);
    assert_eq!((scene.entries("a"), scene.list("a").fault.as_ref()), (1, None));
}

#[tokio::test]
async fn what_a_command_prints_is_fetched_by_the_clock_and_kept() {
    let mut scene = Scene::new();
    let lists = command("echo 192.0.2.1");
    scene.load(&lists).await.expect("nothing is fetched yet");
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Waiting);
    assert!(!scene.weighs());
    assert!(scene.pass(10).await, "the first fetch comes soon");
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Good);
    assert!(scene.weighs());
    assert!(!scene.pass(60).await, "the next one after an hour");
    scene.set = ListSet::empty(scene.set.bounds().clone());
    scene.load(&lists).await.expect("from the cache");
    assert_eq!((scene.entries("a"), scene.list("a").state(scene.now.unix_s)), (1, ListState::Good));
    // Another command is another source: its copy is not that of this one.
    scene.set = ListSet::empty(scene.set.bounds().clone());
    scene.load(&command("echo 192.0.2.2")).await.expect("nothing is fetched yet");
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Waiting);
}

#[tokio::test]
async fn a_failing_command_is_asked_again_later_and_later() {
    let mut scene = Scene::new();
    scene.load(&command("echo no >&2; exit 3")).await.expect("nothing is fetched yet");
    scene.pass(10).await;
    let mut waits = Vec::new();
    for failures in 1..6 {
        let list = scene.list("a");
        assert_eq!(list.failures(), failures);
        assert_eq!(list.fault.as_ref().map(|fault| fault.kind), Some("command-failed"));
        waits.push(list.next_at(scene.now).expect("it is fetched") - scene.now.unix_s);
        scene.pass(waits[waits.len() - 1]).await;
    }
    assert!(waits.is_sorted() && waits[0] < waits[4], "{waits:?}");
    assert_eq!(scene.list("a").fault.as_ref().map(|fault| fault.since), Some(1_800_000_010));
}

#[tokio::test]
async fn old_content_weighs_nothing_and_says_so_before() {
    let mut scene = Scene::new();
    let lists = format!("{}max_age = \"10h\"\n", command("test ! -e fail && echo 192.0.2.1"));
    scene
        .load(&lists.replace("-e fail", &format!("-e {}/fail", scene.path().display())))
        .await
        .expect("later");
    scene.pass(10).await;
    scene.write("fail", "");
    scene.pass(7 * 3600).await;
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Stale);
    scene.now.unix_s += 3 * 3600;
    assert_eq!(scene.list("a").state(scene.now.unix_s), ListState::Expired);
    assert!(!scene.weighs());
    assert_eq!(scene.entries("a"), 1, "the content stays for when the clock was wrong");
}

#[tokio::test]
async fn a_list_that_shrinks_beyond_belief_is_refused_until_it_is_accepted() {
    let mut scene = Scene::new();
    let many: String = (0..200).map(|host| format!("192.0.2.{host}\n")).collect();
    scene.write("a.txt", &many);
    scene.load(A).await.expect("a good list");
    scene.write("a.txt", "192.0.2.1\n");
    assert!(!scene.pass(1).await && !scene.pass(1).await);
    assert_eq!(scene.list("a").fault.as_ref().map(|fault| fault.kind), Some("shape"));
    assert_eq!(scene.entries("a"), 200);
    let (answer, answered) = tokio::sync::oneshot::channel();
    let request = crate::control::api::RefreshRequest { accept: true, ..Default::default() };
    let (tasks, mut waiting) = scene.set.refresh(&request, answer, scene.now).expect("there is a list");
    for (number, task) in tasks {
        let result = intake::run(&Fetcher::default(), task).await;
        let changed = scene.set.done(number, result, scene.now).expect("it is there");
        waiting.done(number, scene.set.told(number, changed).as_ref());
    }
    assert!(waiting.is_over());
    waiting.finish(None);
    let told = answered.await.expect("an answer").expect("no error");
    assert_eq!(told.lists[0].outcome, "changed");
    assert_eq!((scene.entries("a"), scene.list("a").fault.as_ref()), (1, None));
}

#[tokio::test]
async fn a_reload_keeps_what_has_not_changed() {
    let mut scene = Scene::new();
    scene.write("a.txt", "192.0.2.1\n");
    scene.load(A).await.expect("a good list");
    let before = std::sync::Arc::clone(&scene.list("a").content);
    scene.load(&format!("{A}action = \"observe\"\n")).await.expect("still good");
    assert!(std::sync::Arc::ptr_eq(&before, &scene.list("a").content), "it was not read again");
    let action = |rule: &ListRule| rule.action.name();
    assert_eq!(action(&scene.list("a").parts[0].rule), "observe");
    scene.write("a.txt", "192.0.2.1\n192.0.2.2\n");
    scene.load(A).await.expect("still good");
    assert_eq!(scene.entries("a"), 2, "a reload does not wait for files to hold still");
}

#[tokio::test]
async fn values_of_a_zone_have_parts_of_their_own() {
    let mut scene = Scene::new();
    scene.write("zone", ":127.0.0.2:listed\n192.0.2.1\n192.0.2.2 :3:other\n");
    let lists = "[[lists]]\nname = \"z\"\nfile = \"zone\"\nformat = \"rbldnsd\"\nactions = { \"127.0.0.3\" = \"observe\" }\n";
    scene.load(lists).await.expect("a good zone");
    let weighed = scene.set.weighed(scene.now.unix_s);
    let placed: Vec<_> =
        weighed.placed().iter().map(|part| (part.rule.action.name(), part.v4.len())).collect();
    assert_eq!(placed, [("drop", 1), ("observe", 1)]);
}

#[tokio::test]
async fn what_a_class_came_to_stays_with_its_lists() {
    let mut scene = Scene::new();
    let lists = ["one", "two"].map(|name| {
        scene.write(name, "192.0.2.1\n");
        format!("[[lists]]\nname = \"{name}\"\nfile = \"{name}\"\naction = \"drop\"\n")
    });
    scene.load(&lists.concat()).await.expect("both are good");
    let (one, two) = (scene.list("one").set(), scene.list("two").set());
    let tally = |packets| Tally {
        count: Counter { packets, bytes: 10 * packets },
        steps: std::array::from_fn(|step| packets + step as u64),
    };
    for (set, packets) in [(one, 1), (one | two, 100), (two, 10_000)] {
        scene.set.fold(set, tally(packets));
    }
    for (name, packets) in [("one", 101), ("two", 10_100)] {
        let counted = scene.list(name).counted;
        assert_eq!(counted.count, Counter { packets, bytes: 10 * packets });
        let steps: [u64; 10] = std::array::from_fn(|step| packets + 2 * step as u64);
        assert_eq!(counted.steps, steps, "{name}");
    }
    // A reload keeps it.
    scene.load(&lists[1]).await.expect("it is good");
    assert_eq!(scene.list("two").counted.count.packets, 10_100);
}
