mod bots;
mod bounds;
mod honest;
mod releases;
mod saved;
mod signals;
