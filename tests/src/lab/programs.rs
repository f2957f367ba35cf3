//! Kernel programs of the lab's own: a link that loses packets, and an XDP program that sends some back.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aya::maps::{Array, MapData};
use aya::programs::{SchedClassifier, TcAttachType, Xdp, XdpMode, tc};
use aya::{Ebpf, EbpfLoader};
use relay_guard::datapath::lab_object;

use super::{Lab, addresses as addr};
use crate::namespace::Namespace;

/// As many counters as the program has: one for each port, IPv4's first.
const FLOW_COUNT: u32 = 2 << 16;

/// The link between internet and gateway, while this lives: it loses TCP segments in both directions and counts all of them,
/// by the port of the end that is on the internet. Only for a link without tags.
pub struct LossyLink {
    /// With the programs, which are attached as long as it lives.
    _object: Ebpf,
    flows: Array<MapData, [u32; 6]>,
}

/// A connection as [`LossyLink`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// Whether it is one of IPv6.
    pub v6: bool,
    /// The port of the end on the internet.
    pub port: u16,
}

/// What has gone one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OneWay {
    /// Segments that were sent.
    pub sent: u32,
    /// Those of them that the link has lost.
    pub lost: u32,
    /// Those of the sent ones that were RSTs.
    pub resets: u32,
}

impl OneWay {
    /// Segments that have come to the other end.
    #[must_use]
    pub fn arrived(self) -> u32 {
        self.sent - self.lost
    }
}

/// What a connection has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// From the internet.
    pub out: OneWay,
    /// Towards the internet.
    pub back: OneWay,
}

impl LossyLink {
    /// Begins to lose: each segment with this chance in a hundred, the same ones of a flow each time for the same `seed`.
    ///
    /// # Errors
    /// When the kernel refuses the programs.
    pub fn start(lab: &Lab, per_cent: u32, seed: u64) -> Result<Self> {
        let mut object = load(FLOW_COUNT)?;
        let mut loss: Array<_, [u64; 2]> = take(&mut object, "LOSS")?;
        loss.set(0, [seed, u64::from(per_cent) * 65_536 / 100], 0)?;
        let flows = take(&mut object, "FLOWS")?;
        let programs =
            [("lab_loss_from_client", TcAttachType::Egress), ("lab_loss_from_server", TcAttachType::Ingress)];
        attach_both(&mut object, &lab.internet, addr::FAR_END, programs)?;
        Ok(Self { _object: object, flows })
    }

    /// All connections of which anything was seen.
    ///
    /// # Errors
    /// When the kernel's map cannot be read.
    pub fn flows(&self) -> Result<BTreeMap<FlowKey, Flow>> {
        let mut flows = BTreeMap::new();
        for index in 0..FLOW_COUNT {
            let [sent, lost, resets, back_sent, back_lost, back_resets] = self.flows.get(&index, 0)?;
            if sent + back_sent > 0 {
                let key = FlowKey { v6: index > u32::from(u16::MAX), port: index as u16 };
                let back = OneWay { sent: back_sent, lost: back_lost, resets: back_resets };
                flows.insert(key, Flow { out: OneWay { sent, lost, resets }, back });
            }
        }
        Ok(flows)
    }
}

/// Programs on a device, as long as this lives.
#[derive(Debug)]
pub struct Attached {
    _object: Ebpf,
}

impl Attached {
    /// Attaches to devices of `namespace`, in the driver, an XDP program that sends IPv4 datagrams to UDP port 7 back by the
    /// device that they came by and passes all else. The devices take no other XDP program.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn echo(namespace: &Namespace, devices: &[&str]) -> Result<Self> {
        attach_xdp(namespace, devices, "lab_echo")
    }
}

/// Has a device take what an XDP program at the other end of its link sends.
///
/// # Errors
/// When the kernel refuses the program.
pub(super) fn receive_from_xdp(namespace: &Namespace, device: &str) -> Result<Attached> {
    attach_xdp(namespace, &[device], "lab_pass")
}

/// Makes a device the end of a link with [`addr::VLAN`]'s tag on everything.
///
/// # Errors
/// When the kernel refuses the programs.
pub(super) fn tag(namespace: &Namespace, device: &str) -> Result<Attached> {
    let mut object = load(1)?;
    let programs = [("lab_tag", TcAttachType::Egress), ("lab_untag", TcAttachType::Ingress)];
    attach_both(&mut object, namespace, device, programs)?;
    Ok(Attached { _object: object })
}

fn attach_xdp(namespace: &Namespace, devices: &[&str], name: &str) -> Result<Attached> {
    let mut object = load(1)?;
    namespace.run(|| -> Result<()> {
        let program: &mut Xdp = program(&mut object, name)?;
        program.load()?;
        for device in devices {
            program.attach(device, XdpMode::Driver)?;
        }
        Ok(())
    })?;
    Ok(Attached { _object: object })
}

fn attach_both(
    object: &mut Ebpf,
    namespace: &Namespace,
    device: &str,
    programs: [(&str, TcAttachType); 2],
) -> Result<()> {
    namespace.run(|| -> Result<()> {
        // Older kernels attach to it, and it may be there.
        let _ = tc::qdisc_add_clsact(device);
        for (name, hook) in programs {
            let program: &mut SchedClassifier = program(object, name)?;
            program.load()?;
            program.attach(device, hook)?;
        }
        Ok(())
    })
}

/// `flows`: for how many connections there is room.
fn load(flows: u32) -> Result<Ebpf> {
    let object = EbpfLoader::new().map_max_entries("FLOWS", flows).load(lab_object());
    object.context("cannot load the lab's kernel programs")
}

fn take<V: aya::Pod>(object: &mut Ebpf, name: &str) -> Result<Array<MapData, V>> {
    Ok(object.take_map(name).with_context(|| format!("no map {name}"))?.try_into()?)
}

fn program<'o, P>(object: &'o mut Ebpf, name: &str) -> Result<&'o mut P>
where
    &'o mut P: TryFrom<&'o mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let program = object.program_mut(name).with_context(|| format!("no program {name}"))?;
    Ok(program.try_into()?)
}
