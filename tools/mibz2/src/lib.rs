// Nothing of ours: this only links the crate, whose feature `python` is the module.
extern crate mibz2 as _;
