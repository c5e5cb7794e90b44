//! Sluicegate: a gateway to foundation models of many vendors.

pub mod proto;
